/* purl.h - package URLs are nouns that several rooms need: they live in model/. */
#pragma once
#include "model/purl.h"
