// The request of /api/create.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/ollama.h"
#include "api/ollama_request.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr auto kYes = Field::Served::kYes;
constexpr double kFilesMax = 1024;  // shards: the largest models have below 200
constexpr std::size_t kLicencesMax = 64;

std::vector<Field> create_fields() {
  return {
      {"model", kFieldString, 0, kFieldNameBytesMax, "The name of what is made."},
      {"name", kFieldString, 0, kFieldNameBytesMax, "The same, as it was called before."},
      {"from", kFieldString, 0, kFieldNameBytesMax, "A model that it is made of."},
      {"files", kFieldObject, 0, kFilesMax,
       "Or files: of each name its digest, \"sha256:\" and 64 hexadecimal digits."},
      {"template", kFieldString, 0, kFieldTextBytesMax, "A template, Jinja or Go's."},
      {"system", kFieldString, 0, kFieldTextBytesMax, "Instructions."},
      {"license", kFieldString | kFieldArray, 0, kFieldTextBytesMax, "A licence, or several."},
      {"parameters", kFieldObject, 0, kListMax, "Options, where a request sets none.", false, kYes,
       nullptr, ollama_option_fields()},
      {"messages", kFieldArray, 0, kFieldMessagesMax, "What every conversation begins with.", false,
       kYes, nullptr, ollama_message_fields()},
      {"stream", kFieldBoolean, 0, 0, "A line for each step, the default; else the last alone."},
      unserved("adapters", "LoRA files."),
      unserved("quantize", "Another type of weights."),
      unserved("quantization", "The same, before."),
      unserved("modelfile", "A Modelfile's text."),
      unserved("path", "A file of the server."),
      unserved("renderer", "A prompt format by name."),
      unserved("parser", "An answer format by name."),
      unserved("requires", "A version of Ollama."),
      unserved("remote_host", "Another server."),
      unserved("info", "More metadata."),
      unserved("draft_files", "A draft model."),
      unserved("draft_quantize", "Its type of weights."),
  };
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  constexpr std::size_t kHexDigits = 64;  // 256 bits
  if (!text.starts_with(kPrefix)) return false;
  text.remove_prefix(kPrefix.size());
  return text.size() == kHexDigits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::vector<std::pair<std::string, std::string>> read_files(const json& body) {
  std::vector<std::pair<std::string, std::string>> files;
  const json* object = find_field(body, "files");
  if (object == nullptr) return files;
  for (const auto& [name, digest] : object->items()) {
    if (!digest.is_string() || !is_digest(digest.get_ref<const std::string&>())) {
      throw FieldError("files",
                       "files must name a digest for each file: \"sha256:\" and 64 hexadecimal "
                       "digits, of what was sent to /api/blobs before");
    }
    files.emplace_back(name, digest.get<std::string>());
  }
  return files;
}

std::optional<std::string> read_licence(const json& body) {
  const json* licence = find_field(body, "license");
  if (licence == nullptr || is_empty_or_false(*licence)) return std::nullopt;
  const std::vector<std::string> texts =
      read_strings(body, "license", kLicencesMax, static_cast<std::size_t>(kFieldTextBytesMax));
  std::string text;
  for (const std::string& one : texts) text += (text.empty() ? "" : "\n") + one;
  return text;
}

}  // namespace

std::span<const Field> ollama_create_fields() noexcept {
  static const std::vector<Field> fields = create_fields();
  return fields;
}

OllamaCreateCall parse_ollama_create(std::string_view body) {
  const json request = parse_ollama_body(body, ollama_create_fields());
  OllamaCreateCall call;
  call.model = model_field(request);
  call.from = text_field(request, "from").value_or("");
  call.files = read_files(request);
  if (call.from.empty() == call.files.empty()) {
    throw FieldError("from", "send either from, the name of a model, or files");
  }
  call.chat_template = text_field(request, "template");
  call.system = text_field(request, "system");
  call.licence = read_licence(request);
  if (const json* parameters = find_field(request, "parameters")) {
    call.parameters = read_ollama_parameters(*parameters);
  }
  call.messages = read_ollama_messages(request);
  read_field(request, "stream", call.stream);
  return call;
}

}  // namespace hearth
