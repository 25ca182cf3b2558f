# truth-unknown: it is of another version of Python
print "INSERT INTO stage.x SELECT 1"
