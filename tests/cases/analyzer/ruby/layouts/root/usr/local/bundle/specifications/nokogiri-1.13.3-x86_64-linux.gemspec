# -*- encoding: utf-8 -*-
# stub: nokogiri 1.13.3 x86_64-linux lib

Gem::Specification.new do |s|
  s.name = "nokogiri".freeze
  s.version = "1.13.3"
  s.licenses = ["MIT".freeze]
  s.add_runtime_dependency(%q<nio4r>.freeze, ["~> 2.0"])
end
