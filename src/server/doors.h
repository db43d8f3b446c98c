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
  bool keys_required = false;  // else whoever reaches the server may use it; loopback is the admin
  // That a Host header may name, besides loopback's own and the address that the client reached.
  std::vector<std::string> hosts;
  std::vector<std::string> cors_origins;  // pages that may call: "https://app.example"
};

// Who asks, once inside.
struct Caller {
  std::string tenant;       // of the key; empty without one
  bool admin = false;       // an admin's key was given, or none was asked for on this machine
  std::int64_t key_id = 0;  // 0: without one
  std::string key_name;
  KeyLimits limits;
};

class Doors {
 public:
  // state outlives it.
  Doors(DoorOptions options, State& state);

  std::variant<Caller, ApiError> enter(const IncomingRequest& request, Permission permission) const;
  // What a page of another site needs to see in every reply; of no use to others.
  HttpFields cors_headers(const IncomingRequest& request) const;
  // Besides, in the reply to its question whether it may (OPTIONS).
  HttpFields preflight_headers(const IncomingRequest& request) const;
  // Whether Host and Origin are ours: of what has no route, too.
  std::optional<ApiError> foreign(const IncomingRequest& request) const;

 private:
  bool host_allowed(const IncomingRequest& request) const;
  bool origin_allowed(const IncomingRequest& request) const;
  bool origin_listed(const IncomingRequest& request) const;

  DoorOptions options_;
  State& state_;
};

}  // namespace hearth
