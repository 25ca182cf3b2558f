"""The part of GitHub's REST API that dagbranch reads: requests in, answers out, no sockets."""
