#include "api/error.h"

#include <gtest/gtest.h>

#include "base/exhausted.h"

namespace hearth {
namespace {

ApiError error_of(int status, std::string message) {
  ApiError error;
  error.status = status;
  error.message = std::move(message);
  return error;
}

TEST(ApiError, TellsAClientNothingOfTheInside) {
  const ApiError inside = api_error(Error(ErrorCode::kInternal, "null at 0x7f", "/home/me"));
  EXPECT_EQ(inside.status, 500);
  EXPECT_EQ(inside.code, "internal_error");
  EXPECT_EQ(inside.message.find("0x7f"), std::string::npos);
  const ApiError missing =
      api_error(Error(ErrorCode::kNotFound, "model 'x' not found", "/home/me/.hearth"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.code, "model_not_found");
  EXPECT_EQ(missing.message, "model 'x' not found");
}

TEST(ApiError, EveryCodeHasAStatus) {
  const std::pair<ErrorCode, int> statuses[] = {
      {ErrorCode::kInvalidArgument, 400},   {ErrorCode::kNotFound, 404},
      {ErrorCode::kCorruptData, 500},       {ErrorCode::kUnsupported, 400},
      {ErrorCode::kResourceExhausted, 400}, {ErrorCode::kPermissionDenied, 403},
      {ErrorCode::kUnavailable, 503},       {ErrorCode::kCancelled, 499},
      {ErrorCode::kDeadlineExceeded, 504},  {ErrorCode::kInternal, 500}};
  for (const auto& [code, status] : statuses) {
    const ApiError error = api_error(Error(code, "x"));
    EXPECT_EQ(error.status, status) << to_string(code);
    EXPECT_FALSE(error.code.empty());
    EXPECT_EQ(error.param, "");
  }
}

TEST(ApiError, TellsALimitFromALongPromptFromAShortage) {
  using Of = ShortageError::Of;
  const auto told = [](const Error& error) {
    const ApiError api = api_error(error);
    return std::to_string(api.status) + ' ' + api.code;
  };
  EXPECT_EQ(told(Error(ErrorCode::kResourceExhausted, "17 stop strings")), "400 limit_exceeded");
  EXPECT_EQ(told(ContextError("too long")), "400 context_length_exceeded");
  EXPECT_EQ(told(ShortageError(Of::kMemory, "m")), "503 out_of_memory");
  EXPECT_EQ(told(ShortageError(Of::kDescriptors, "m")), "503 out_of_memory");
  EXPECT_EQ(told(ShortageError(Of::kDisk, "m")), "507 disk_full");
}

TEST(ApiError, EveryDialectHasItsOwnShape) {
  const ApiError error = api_error(FieldError("n", "n is 0, \"must\" be 1"));
  EXPECT_EQ(error_body(Dialect::kOpenAi, error, "7"),
            R"({"error":{"message":"n is 0, \"must\" be 1","type":"invalid_request_error",)"
            R"("param":"n","code":"invalid_value"}})");
  EXPECT_EQ(error_body(Dialect::kAnthropic, error, "7"),
            R"({"type":"error","error":{"type":"invalid_request_error",)"
            R"("message":"n is 0, \"must\" be 1"},"request_id":"7"})");
  EXPECT_EQ(error_body(Dialect::kOllama, error, "7"),
            R"({"error":"n is 0, \"must\" be 1","code":"invalid_value"})");
  EXPECT_EQ(error_body(Dialect::kLlama, error, "7"),
            R"({"error":{"code":400,"message":"n is 0, \"must\" be 1",)"
            R"("type":"invalid_request_error"}})");
}

TEST(ApiError, TypesFollowTheStatus) {
  const auto type = [](Dialect dialect, int status) {
    const std::string body = error_body(dialect, error_of(status, "m"), "");
    const std::size_t at = body.find(R"("type":")", dialect == Dialect::kAnthropic ? 15 : 0) + 8;
    return body.substr(at, body.find('"', at) - at);
  };
  EXPECT_EQ(type(Dialect::kOpenAi, 401), "invalid_request_error");
  EXPECT_EQ(type(Dialect::kOpenAi, 404), "invalid_request_error");
  EXPECT_EQ(type(Dialect::kOpenAi, 429), "rate_limit_error");
  EXPECT_EQ(type(Dialect::kOpenAi, 503), "server_error");
  EXPECT_EQ(type(Dialect::kAnthropic, 401), "authentication_error");
  EXPECT_EQ(type(Dialect::kAnthropic, 404), "not_found_error");
  EXPECT_EQ(type(Dialect::kAnthropic, 413), "request_too_large");
  EXPECT_EQ(type(Dialect::kAnthropic, 503), "overloaded_error");
  EXPECT_EQ(type(Dialect::kAnthropic, 500), "api_error");
  EXPECT_EQ(type(Dialect::kLlama, 404), "not_found_error");
  EXPECT_EQ(type(Dialect::kLlama, 503), "unavailable_error");
}

TEST(ApiError, AMessageCutInsideACharacterIsStillJson) {
  EXPECT_EQ(error_body(Dialect::kOllama, error_of(500, "caf\xC3"), ""),
            "{\"error\":\"caf\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace hearth
