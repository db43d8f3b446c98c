// RunningServer: the server of this machine, as commands talk to it: HEARTH_SERVER, else the
// address that `hearth serve` takes by default; with HEARTH_API_KEY, where that is set. An address
// without a scheme is http. One thread.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/cancel.h"
#include "net/client.h"

namespace hearth {

class RunningServer {
 public:
  static std::string default_address();
  explicit RunningServer(std::string address = default_address());

  const std::string& address() const noexcept { return address_; }
  // Whether something listens there, asked without a word; of another machine, that is not asked.
  bool listens() const;

  // Errors: kUnavailable when none answers there; what the server says otherwise.
  nlohmann::json get(const std::string& path);
  nlohmann::json post(const std::string& path, const nlohmann::json& body);
  // What is no JSON.
  std::string text(const std::string& path, const CancelToken* cancel);
  // A reply of one JSON object a line, each as it comes. kCancelled.
  void stream(const std::string& path, const nlohmann::json& body,
              const std::function<void(const nlohmann::json&)>& on_line, const CancelToken* cancel);

 private:
  nlohmann::json ask(const HttpRequest& request);
  void send(const HttpRequest& request, const HttpReceiver& receiver, const CancelToken* cancel);
  HttpRequest request_for(const std::string& path) const;

  std::string address_;
  HttpClient http_;
};

}  // namespace hearth
