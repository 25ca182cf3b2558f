"""What the emulator's own process imports of ours."""
