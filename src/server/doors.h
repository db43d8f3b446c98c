// Doors: who may come in. Every request passes: its Host and Origin (against DNS rebinding and
// pages of other sites), its key, the key's role and limits. Any thread; State may block, which a
// read of one indexed row does for microseconds.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/error.h"
#include "http/http.h"
#include "state/state.h"

namespace hearth {

enum class Permission {
  kPublic,  // alive or not: no key
  kUse,     // any key
  kAdmin,   // changes models, or shows what all tenants do
};
std::string_view to_string(Permission permission) noexcept;

struct DoorOptions {
  bool keys_required = false;             // else whoever reaches the server may use it
  std::vector<std::string> hosts;         // that a Host header may name, besides loopback's own
  std::vector<std::string> cors_origins;  // pages that may call: "https://app.example"
};

// Who asks, once inside.
struct Caller {
  std::string tenant;       // of the key; empty without one
  bool admin = true;        // no key was asked for, or an admin's was given
  std::int64_t key_id = 0;  // 0: without one
  std::string key_name;
  KeyLimits limits;
};

class Doors {
 public:
  // state outlives it.
  Doors(DoorOptions options, State& state) : options_(std::move(options)), state_(state) {}

  std::variant<Caller, ApiError> enter(const IncomingRequest& request, Permission permission) const;
  // What a page of another site needs to see in the reply; none for others.
  HttpFields cors_headers(const IncomingRequest& request) const;
  // Whether Host and Origin are ours: of what has no route, too.
  std::optional<ApiError> foreign(const IncomingRequest& request) const;

 private:
  bool host_allowed(std::string_view host) const;
  bool origin_allowed(const IncomingRequest& request) const;

  DoorOptions options_;
  State& state_;
};

}  // namespace hearth
