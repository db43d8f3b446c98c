// The catalogue of errors: what of an Error a client is told, and how each dialect writes it. The
// detail of an Error never reaches a client.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/call.h"
#include "base/error.h"

namespace hearth {

struct ApiError {
  int status = 500;
  std::string code;     // stable, of the catalogue: "model_not_found", "invalid_value", …
  std::string message;  // a sentence for a person
  std::string param;    // the field it is about; may be empty
  std::optional<double> retry_after_seconds;
};

// kInternal becomes a sentence that says nothing of the inside.
ApiError api_error(const Error& error);
// The JSON body of a reply.
std::string error_body(Dialect dialect, const ApiError& error, std::string_view request_id);

// Thrown while a request is parsed: a field, and what is wrong with it.
class FieldError : public Error {
 public:
  FieldError(std::string field, std::string message)
      : Error(ErrorCode::kInvalidArgument, std::move(message)), field_(std::move(field)) {}
  const std::string& field() const noexcept { return field_; }

 private:
  std::string field_;
};

}  // namespace hearth
