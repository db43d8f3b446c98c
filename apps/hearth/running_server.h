// The server of this machine, as commands talk to it: HEARTH_SERVER, else the address that
// `hearth serve` takes by default; with HEARTH_API_KEY, where that is set.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "net/client.h"

namespace hearth {

class RunningServer {
 public:
  RunningServer();

  // Errors: kUnavailable when none answers there; what the server says otherwise.
  nlohmann::json get(const std::string& path);
  nlohmann::json post(const std::string& path, const nlohmann::json& body);

 private:
  nlohmann::json ask(HttpRequest request);
  HttpRequest request_for(const std::string& path) const;

  std::string address_;
  HttpClient http_;
};

}  // namespace hearth
