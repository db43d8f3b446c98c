// What a person at this machine is told of an Error: its detail too, which clients never see.
#pragma once

#include <string>

#include "base/error.h"

namespace hearth {

inline std::string error_line(const Error& error) {
  return error.message() + (error.detail().empty() ? "" : " (" + error.detail() + ")");
}

}  // namespace hearth
