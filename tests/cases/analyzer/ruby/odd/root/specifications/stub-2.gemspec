# stub: stub 2 ruby lib
s.version = "9"
