# -*- encoding: utf-8 -*-
# stub: json 2.6.1 ruby lib

Gem::Specification.new do |s|
  s.name = "json".freeze
  s.version = "2.6.1"
  s.licenses = ["MIT".freeze]
  s.add_runtime_dependency(%q<nio4r>.freeze, ["~> 2.0"])
end
