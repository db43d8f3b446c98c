// Tokens to a tree, by Jinja's grammar: the statements of Hugging Face's chat-template environment,
// without include, import, extends and block. Pure; throws Error (kCorruptData, or kUnsupported for
// those) with the line.
#pragma once

#include <memory>
#include <string_view>

#include "text/template/ast.h"

namespace hearth::jinja {

std::unique_ptr<const Ast> parse(std::string_view source);

}  // namespace hearth::jinja
