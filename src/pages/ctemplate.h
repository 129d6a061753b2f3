// The template engine, and a header it forgets to include: str_ref.h uses strlen.
#pragma once

// clang-format off
#include <cstring>
#include <ctemplate/template_cache.h>
#include <ctemplate/template_dictionary.h>
#include <ctemplate/template_emitter.h>
#include <ctemplate/template_modifiers.h>
// clang-format on
