#include "cli/model_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "format/printable.h"
#include "store/download.h"

namespace hearth {
namespace {

// Longer arrays (vocabularies, merges) are told by type and length, even in JSON.
constexpr std::size_t kArrayShownMax = 64;
constexpr std::size_t kValueShownBytes = 100;

std::string shape_text(const GgufTensor& tensor) {
  std::string text;
  for (const std::uint64_t length : tensor.shape) {
    text += (text.empty() ? "" : " x ") + std::to_string(length);
  }
  return text;
}

std::uint64_t parameters_of(const Gguf& file) {
  std::uint64_t total = 0;
  for (const GgufTensor& tensor : file.tensors()) total += tensor.elements();
  return total;
}

// "134.5 M", "1.54 B", as model cards say it.
std::string count_text(std::uint64_t count) {
  const double value = static_cast<double>(count);
  std::array<char, 32> text{};
  if (value >= 1e9) {
    std::snprintf(text.data(), text.size(), "%.2f B", value / 1e9);
  } else {
    std::snprintf(text.data(), text.size(), "%.1f M", value / 1e6);
  }
  return text.data();
}

// The element types by the bytes they hold, largest first: "Q4_K 169, Q6_K 29, F32 141".
std::string quantization_text(const Gguf& file) {
  std::map<DType, std::pair<std::uint64_t, std::size_t>> types;
  for (const GgufTensor& tensor : file.tensors()) {
    auto& [bytes, count] = types[tensor.type];
    bytes += tensor.bytes.size();
    ++count;
  }
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const auto& [type, sums] : types) {
    sorted.emplace_back(sums.first,
                        std::string(dtype_info(type).name) + " " + std::to_string(sums.second));
  }
  std::ranges::sort(sorted, std::greater<>());
  std::string text;
  for (const auto& [bytes, shown] : sorted) text += (text.empty() ? "" : ", ") + shown;
  return text + " tensors";
}

nlohmann::json value_json(const GgufMetadata& metadata, std::string_view key) {
  const std::string type = metadata.type_name(key);
  const bool list = type.starts_with('[');
  if (list && metadata.array_length(key) > kArrayShownMax) {
    return {{"type", type}, {"length", metadata.array_length(key)}};
  }
  if (list && type.starts_with("[string")) {
    nlohmann::json texts = nlohmann::json::array();
    for (const std::string_view text : metadata.strings(key)) texts.push_back(std::string(text));
    return texts;
  }
  if (list && type.starts_with("[f")) return metadata.numbers(key);
  if (list && (type.starts_with("[u") || type.starts_with("[i") || type.starts_with("[bool"))) {
    return metadata.integers(key);
  }
  if (type == "string") return std::string(metadata.string(key));
  if (type == "bool") return metadata.boolean(key);
  if (type.starts_with('f')) return metadata.number(key);
  if (type.starts_with('u')) return metadata.unsigned_integer(key);
  const std::string text = metadata.to_text(key, kValueShownBytes);
  if (type.starts_with('i')) return nlohmann::json::parse(text, nullptr, false);
  return text;
}

void add_line(std::string& text, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  constexpr std::size_t kNameColumns = 16;
  text += "  " + std::string(name) + std::string(kNameColumns - name.size(), ' ') +
          std::string(value) + "\n";
}

// A hyper-parameter of the architecture, e.g. "llama.context_length".
std::string hyper_parameter(const Gguf& file, std::string_view name) {
  const GgufMetadata& metadata = file.metadata();
  const auto architecture = metadata.optional_string("general.architecture");
  if (!architecture) return {};
  const std::string key = std::string(*architecture) + "." + std::string(name);
  if (!metadata.contains(key)) return {};
  return metadata.to_text(key, kValueShownBytes);
}

}  // namespace

ModelReport report_on(const Library& library, const ResolvedModel& model) {
  ModelReport report{.reference = model.reference,
                     .path = model.path,
                     .source = {},
                     .digest = {},
                     .template_text = {},
                     .template_origin = {},
                     .licence = {},
                     .recipe = {},
                     .file = Gguf::open(model.path)};
  const GgufMetadata& metadata = report.file.metadata();
  if (const auto text = metadata.optional_string("tokenizer.chat_template")) {
    report.template_text = *text;
    report.template_origin = "file";
  }
  if (const auto licence = metadata.optional_string("general.license")) report.licence = *licence;
  if (model.manifest) {
    report.source = model.manifest->source;
    report.digest = model.manifest->model_digest().hex();
    if (!model.manifest->licence.empty()) report.licence = model.manifest->licence;
    report.recipe = library.recipe(*model.manifest);
    if (report.recipe.template_text) {
      report.template_text = *report.recipe.template_text;
      report.template_origin = "model";
    }
  }
  report.recipe.from = report.reference;
  return report;
}

std::string to_text(const ModelReport& report, bool tensors) {
  const Gguf& file = report.file;
  const auto shown = [&](std::string_view key) {
    return file.metadata().contains(key) ? file.metadata().to_text(key, kValueShownBytes)
                                         : std::string();
  };
  std::string text = printable(report.reference, kValueShownBytes) + "\n";
  add_line(text, "name", shown("general.name"));
  add_line(text, "architecture", shown("general.architecture"));
  add_line(text, "parameters", count_text(parameters_of(file)));
  add_line(text, "context", hyper_parameter(file, "context_length"));
  add_line(text, "embedding", hyper_parameter(file, "embedding_length"));
  add_line(text, "layers", hyper_parameter(file, "block_count"));
  add_line(text, "heads", hyper_parameter(file, "attention.head_count"));
  add_line(text, "kv heads", hyper_parameter(file, "attention.head_count_kv"));
  add_line(text, "quantization", quantization_text(file));
  add_line(text, "size", format_bytes(file.file_bytes()));
  add_line(text, "tokenizer", shown("tokenizer.ggml.model"));
  add_line(text, "template",
           report.template_text.empty() ? "none: it completes text, it does not chat"
                                        : std::to_string(report.template_text.size()) +
                                              " bytes, from the " + report.template_origin);
  for (const ModelfileParameter& parameter : report.recipe.parameters) {
    add_line(text, "parameter",
             parameter.name + " " + printable(to_text(parameter.value), kValueShownBytes));
  }
  add_line(text, "system", printable(report.recipe.system.value_or(""), kValueShownBytes));
  for (const ModelfileMessage& message : report.recipe.messages) {
    add_line(text, "message", message.role + ": " + printable(message.content, kValueShownBytes));
  }
  add_line(text, "licence", printable(report.licence, kValueShownBytes));
  add_line(text, "sha256", report.digest);
  add_line(text, "source", printable(report.source, kValueShownBytes));
  if (!tensors) return text;
  text += "tensors\n";
  for (const GgufTensor& tensor : file.tensors()) {
    text += "  " + printable(tensor.name, kValueShownBytes) + "  " +
            std::string(dtype_info(tensor.type).name) + "  " + shape_text(tensor) + "\n";
  }
  return text;
}

namespace {

nlohmann::json parameters_json(const Modelfile& recipe) {
  nlohmann::json list = nlohmann::json::array();
  for (const ModelfileParameter& parameter : recipe.parameters) {
    list.push_back({{"name", parameter.name}, {"value", to_text(parameter.value)}});
  }
  return list;
}

nlohmann::json messages_json(const Modelfile& recipe) {
  nlohmann::json list = nlohmann::json::array();
  for (const ModelfileMessage& message : recipe.messages) {
    list.push_back({{"role", message.role}, {"content", message.content}});
  }
  return list;
}

}  // namespace

std::string to_json(const ModelReport& report) {
  nlohmann::json metadata = nlohmann::json::object();
  for (const std::string_view key : report.file.metadata().keys()) {
    metadata[std::string(key)] = value_json(report.file.metadata(), key);
  }
  nlohmann::json tensors = nlohmann::json::array();
  for (const GgufTensor& tensor : report.file.tensors()) {
    tensors.push_back({{"name", std::string(tensor.name)},
                       {"type", std::string(dtype_info(tensor.type).name)},
                       {"shape", tensor.shape},
                       {"bytes", tensor.bytes.size()}});
  }
  const auto architecture = report.file.metadata().optional_string("general.architecture");
  const nlohmann::json object = {{"model", report.reference},
                                 {"path", report.path.string()},
                                 {"architecture", std::string(architecture.value_or(""))},
                                 {"parameters", parameters_of(report.file)},
                                 {"bytes", report.file.file_bytes()},
                                 {"sha256", report.digest},
                                 {"source", report.source},
                                 {"template", report.template_text},
                                 {"template_origin", report.template_origin},
                                 {"licence", report.licence},
                                 {"licence_text", report.recipe.licence_text()},
                                 {"system", report.recipe.system.value_or("")},
                                 {"parameters_set", parameters_json(report.recipe)},
                                 {"messages", messages_json(report.recipe)},
                                 {"metadata", metadata},
                                 {"tensors", tensors}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace hearth
