"""What lies outside the process, behind the Protocols of ``ports``; each adapter translates errors to ours."""
