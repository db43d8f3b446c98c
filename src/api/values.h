// Typed reading of a body that check_fields() has passed: types and ranges are right already, what
// stands in arrays is checked here. A field that is null counts as absent. Pure functions; any
// thread. They throw FieldError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/tokenizer.h"

namespace hearth {

// Limits that the dialects share. A text is bounded by the body it comes in (32 MiB, http.h).
inline constexpr double kFieldTextBytesMax = 32 << 20;
inline constexpr double kFieldNameBytesMax = 1024;
inline constexpr double kFieldOpaqueBytesMax = 4096;  // user and other names that go nowhere
inline constexpr double kFieldMessagesMax = 100'000;  // as Anthropic has it
inline constexpr double kFieldInt32Max = 2147483647;
// Answers to one request: each holds a place in the batch.
inline constexpr std::size_t kAnswersMax = 64;

// Nothing when the field is absent.
const nlohmann::json* find_field(const nlohmann::json& object, std::string_view name);

// Each leaves `out` as it is when the field is absent, and says whether it was there.
bool read_field(const nlohmann::json& object, std::string_view name, std::string& out);
bool read_field(const nlohmann::json& object, std::string_view name, bool& out);
bool read_field(const nlohmann::json& object, std::string_view name, float& out);
bool read_field(const nlohmann::json& object, std::string_view name, int& out);
bool read_field(const nlohmann::json& object, std::string_view name, std::size_t& out);
bool read_field(const nlohmann::json& object, std::string_view name,
                std::optional<std::size_t>& out);
// Negative seeds count from 2^64 down.
bool read_seed(const nlohmann::json& object, std::uint64_t& out);

// A field that is one string or an array of at most `count_max`; each of 1 to `bytes_max` bytes.
std::vector<std::string> read_strings(const nlohmann::json& object, std::string_view name,
                                      std::size_t count_max, std::size_t bytes_max);

// A prompt, or what is to be embedded: a string, an array of strings, of tokens, or of arrays of
// tokens; at least one, at most `count_max`. Empty when the field is absent.
using TextOrTokens = std::variant<std::string, std::vector<TokenId>>;
std::vector<TextOrTokens> read_texts_or_tokens(const nlohmann::json& object, std::string_view name,
                                               std::size_t count_max);
// A field that is an array of tokens, or of none.
std::vector<TokenId> read_tokens(const nlohmann::json& object, std::string_view name);

}  // namespace hearth
