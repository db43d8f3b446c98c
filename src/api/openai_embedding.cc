#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/error.h"
#include "api/openai.h"
#include "api/reply_json.h"
#include "api/values.h"
#include "format/printable.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr std::size_t kInputsMax = 2048;  // OpenAI's

constexpr Field kEmbeddingFields[] = {
    {.name = "model",
     .types = kFieldString,
     .min = 1,
     .max = kFieldNameBytesMax,
     .about = "The model that embeds.",
     .required = true},
    {.name = "input",
     .types = kFieldString | kFieldArray,
     .min = 1,
     .max = kFieldTextBytesMax,
     .about = "A text, tokens, or up to 2048 of either; none may be empty.",
     .required = true},
    {.name = "encoding_format",
     .types = kFieldString,
     .max = 16,
     .about = "float, or base64: the bytes of 32-bit floats, least significant first."},
    {.name = "dimensions",
     .types = kFieldInteger,
     .min = 1,
     .max = 65536,
     .about = "Keep so many dimensions, normalized again."},
    {.name = "user",
     .types = kFieldString,
     .max = kFieldOpaqueBytesMax,
     .about = "Who asks, in the caller's own words.",
     .served = Field::Served::kNoEffect},
};

bool wants_base64(const json& body) {
  std::string format = "float";
  read_field(body, "encoding_format", format);
  if (format == "float" || format == "base64") return format == "base64";
  throw FieldError("encoding_format", "encoding_format is " + printable_quoted(format) +
                                          ", must be 'float' or 'base64'");
}

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;  // three bytes, the first highest
    for (std::size_t k = 0; k < 3; ++k) {
      const bool there = i + k < bytes.size();
      group = group << 8 | (there ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

std::string float_bytes(std::span<const float> values) {
  std::string bytes;
  bytes.reserve(values.size() * sizeof(float));
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  }
  return bytes;
}

}  // namespace

std::span<const Field> openai_embedding_fields() noexcept { return kEmbeddingFields; }

EmbedCall parse_openai_embedding(std::string_view text) {
  const json body = parse_body(text);
  check_fields(body, kEmbeddingFields);
  EmbedCall call;
  read_field(body, "model", call.model);
  call.inputs = read_texts_or_tokens(body, "input", kInputsMax);
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const auto* input = std::get_if<std::string>(&call.inputs[i]);
    if (!input || !input->empty()) continue;
    const std::string name = "input[" + std::to_string(i) + "]";
    throw FieldError(name, name + " is empty: leave it out");
  }
  read_field(body, "dimensions", call.dimensions);
  call.base64 = wants_base64(body);
  return call;
}

std::string openai_embedding_reply(const EmbedCall& call,
                                   std::span<const std::vector<float>> embeddings,
                                   const TokenUsage& usage) {
  std::string body = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    if (i > 0) body += ',';
    body += R"({"object":"embedding","index":)" + std::to_string(i) + R"(,"embedding":)";
    body +=
        call.base64 ? '"' + base64(float_bytes(embeddings[i])) + '"' : number_array(embeddings[i]);
    body += '}';
  }
  const std::string tokens = std::to_string(usage.prompt_tokens);
  body += R"(],"model":)" + json_string(call.model);
  body += R"(,"usage":{"prompt_tokens":)" + tokens + R"(,"total_tokens":)" + tokens;
  return body + R"(,"context_limit":)" + std::to_string(usage.context_limit) + "}}";
}

}  // namespace hearth
