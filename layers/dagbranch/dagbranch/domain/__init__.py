"""What dagbranch decides: pure functions over plain values, without I/O, clock or AWS."""
