// Requests about models, but for create, and the replies of one line.
#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/ollama.h"
#include "api/ollama_reply.h"
#include "api/ollama_request.h"

namespace hearth {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr Field kModelFields[] = {
    {"model", kFieldString, 0, kFieldNameBytesMax, "The model."},
    {"name", kFieldString, 0, kFieldNameBytesMax, "The model, as it was called before."},
    {"verbose", kFieldBoolean, 0, 0, "Also the tensors."},
    unserved("system", "Shown instead of the model's own."),
    unserved("template", "Shown instead of the model's own."),
    unserved("options", "Shown beside the model's own."),
};

constexpr Field kPullFields[] = {
    {"model", kFieldString, 0, kFieldNameBytesMax, "The model."},
    {"name", kFieldString, 0, kFieldNameBytesMax, "The model, as it was called before."},
    {"stream", kFieldBoolean, 0, 0, "A line for each step, the default; else the last alone."},
    unserved("insecure", "Without TLS; only false."),
    unserved("username", "Of a registry; only empty."),
    unserved("password", "Of a registry; only empty."),
};

constexpr Field kCopyFields[] = {
    {"source", kFieldString, 1, kFieldNameBytesMax, "A model.", true},
    {"destination", kFieldString, 1, kFieldNameBytesMax, "Its further name.", true},
};

}  // namespace

std::span<const Field> ollama_model_fields() noexcept { return kModelFields; }
std::span<const Field> ollama_pull_fields() noexcept { return kPullFields; }
std::span<const Field> ollama_copy_fields() noexcept { return kCopyFields; }

OllamaModelCall parse_ollama_model(std::string_view body) {
  const json request = parse_ollama_body(body, kModelFields);
  OllamaModelCall call;
  call.model = model_field(request);
  read_field(request, "verbose", call.verbose);
  return call;
}

OllamaPullCall parse_ollama_pull(std::string_view body) {
  const json request = parse_ollama_body(body, kPullFields);
  OllamaPullCall call;
  call.model = model_field(request);
  read_field(request, "stream", call.stream);
  return call;
}

OllamaCopyCall parse_ollama_copy(std::string_view body) {
  const json request = parse_ollama_body(body, kCopyFields);
  OllamaCopyCall call;
  read_field(request, "source", call.source);
  read_field(request, "destination", call.destination);
  return call;
}

std::string ollama_version_reply(std::string_view version) {
  return to_text({{"version", version}});
}

std::string ollama_progress_line(const OllamaProgress& progress) {
  ordered_json line{{"status", progress.status}};
  if (!progress.digest.empty()) line["digest"] = progress.digest;
  if (progress.total) line["total"] = *progress.total;
  if (progress.completed) line["completed"] = *progress.completed;
  return to_text(line) + '\n';
}

}  // namespace hearth
