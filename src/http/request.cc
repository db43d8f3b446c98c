#include "http/http.h"

namespace hearth {

std::string_view IncomingRequest::header(std::string_view name) const noexcept {
  for (const auto& [field, value] : headers) {
    if (field == name) return value;
  }
  return {};
}

}  // namespace hearth
