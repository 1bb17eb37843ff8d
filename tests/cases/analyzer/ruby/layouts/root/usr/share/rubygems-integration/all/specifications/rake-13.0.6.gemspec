Gem::Specification.new do |spec|
  spec.name    = 'rake'
  spec.version = Gem::Version.new('13.0.6')
  spec.license = 'MIT'
end
