// The replies that show models: /api/tags, /api/ps, /api/show.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <variant>

#include "api/ollama.h"
#include "api/ollama_reply.h"
#include "api/rfc3339.h"

namespace hearth {
namespace {

using nlohmann::ordered_json;

// What a client shows as "Forever": the last second that every parser of dates can hold.
constexpr std::int64_t kNeverUnixS = 253402300799;  // 9999-12-31T23:59:59Z
constexpr std::size_t kParameterColumns = 30;       // as Ollama sets them

std::string time_text(std::int64_t unix_s) { return rfc3339(std::min(unix_s, kNeverUnixS) * 1000); }

// A line for each: the name, and the value as a Modelfile writes it.
std::string parameters_text(const ModelDescription& model) {
  std::string text;
  for (const auto& [name, value] : model.parameters) {
    if (!text.empty()) text += '\n';
    text += name;
    text.append(name.size() < kParameterColumns ? kParameterColumns - name.size() : 0, ' ');
    text += ' ' + (name == "stop" ? to_text(value) : value);
  }
  return text;
}

ordered_json info_json(const ModelDescription& model) {
  ordered_json info = ordered_json::object();
  for (const auto& [key, value] : model.metadata) {
    std::visit([&](const auto& held) { info[key] = held; }, value);
  }
  return info;
}

ordered_json tensors_json(const ModelDescription& model) {
  ordered_json tensors = ordered_json::array();
  for (const ModelDescription::Tensor& tensor : model.tensors) {
    tensors.push_back({{"name", tensor.name}, {"type", tensor.type}, {"shape", tensor.shape}});
  }
  return tensors;
}

}  // namespace

std::string ollama_tags_reply(std::span<const ModelEntry> models) {
  ordered_json list = ordered_json::array();
  for (const ModelEntry& model : models) {
    list.push_back({{"name", model.name},
                    {"model", model.name},
                    {"modified_at", time_text(model.modified_unix_s)},
                    {"size", model.bytes},
                    {"digest", model.digest},
                    {"details", details_json(model)},
                    {"capabilities", model.capabilities}});
  }
  return to_text({{"models", std::move(list)}});
}

std::string ollama_ps_reply(std::span<const RunningModel> models) {
  ordered_json list = ordered_json::array();
  for (const RunningModel& running : models) {
    list.push_back({{"name", running.model.name},
                    {"model", running.model.name},
                    {"size", running.memory_bytes},
                    {"digest", running.model.digest},
                    {"details", details_json(running.model)},
                    {"expires_at", time_text(running.expires_unix_s.value_or(kNeverUnixS))},
                    {"size_vram", 0},
                    {"context_length", running.context}});
  }
  return to_text({{"models", std::move(list)}});
}

std::string ollama_show_reply(const ModelDescription& model, bool verbose) {
  ordered_json reply{{"license", model.licence},
                     {"modelfile", model.modelfile},
                     {"parameters", parameters_text(model)},
                     {"template", model.chat_template},
                     {"system", model.system},
                     {"details", details_json(model.model)},
                     {"model_info", info_json(model)}};
  if (verbose) reply["tensors"] = tensors_json(model);
  reply["capabilities"] = model.model.capabilities;
  reply["modified_at"] = time_text(model.model.modified_unix_s);
  return to_text(reply);
}

}  // namespace hearth
