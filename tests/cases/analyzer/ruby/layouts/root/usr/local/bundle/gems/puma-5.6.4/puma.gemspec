s.name = "no"
s.version = "1"
