// Renders many chat templates for scripts/conformance_templates.py: reads one JSON object per line
// {"template": ..., "context": {...}} and writes one per line {"text": ...} or {"error": ...}.
// The clock is fixed (2026-07-31 14:05:09, a Friday), as in the script.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "text/template/chat_template.h"

int main() {
  hearth::TemplateOptions options;
  options.now.tm_year = 126;
  options.now.tm_mon = 6;
  options.now.tm_mday = 31;
  options.now.tm_hour = 14;
  options.now.tm_min = 5;
  options.now.tm_sec = 9;
  options.now.tm_wday = 5;
  options.now.tm_yday = 211;
  for (std::string line; std::getline(std::cin, line);) {
    const auto job = nlohmann::ordered_json::parse(line);
    nlohmann::ordered_json reply;
    try {
      const auto compiled = hearth::ChatTemplate::compile(job.at("template").get<std::string>());
      const auto rendered = compiled.render(job.at("context"), options);
      reply["text"] = rendered.text;
      reply["operations"] = rendered.operations_used;
    } catch (const hearth::Error& error) {
      reply["error"] = error.message();
    }
    std::cout << reply.dump() << '\n';
  }
}
