# -*- encoding: utf-8 -*-
# stub: puma 5.6.4 ruby lib

Gem::Specification.new do |s|
  s.name = "puma".freeze
  s.version = "5.6.4"
  s.licenses = ["MIT".freeze]
  s.add_runtime_dependency(%q<nio4r>.freeze, ["~> 2.0"])
end
