// The library's public header: load a model, ask it, read the answer as it is made. The C++ API
// promises no ABI: build Hearth and your program with one compiler.
//
//   auto model = hearth::open_model("model.gguf", {});        // a GGUF file; throws hearth::Error
//   auto answerer = hearth::make_local_answerer(*model);
//   auto answer = answerer->complete("Once upon a time", {}, {}, nullptr);
#pragma once

#include "base/cancel.h"
#include "base/error.h"
#include "chat/conversation.h"
#include "host/answerer.h"
#include "host/loaded_model.h"
