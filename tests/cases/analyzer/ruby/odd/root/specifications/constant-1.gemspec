Gem::Specification.new do |s|
 s.name = "constant"
 s.version = VERSION
end
