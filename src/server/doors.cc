#include "server/doors.h"

#include <algorithm>
#include <ctime>

#include "net/address.h"

namespace hearth {
namespace {

constexpr std::string_view kOwnKeys = "hearth-";  // how our keys begin (state.h)

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// "name:port" without the port; "[::1]:80" gives "[::1]". Empty for what is no host.
std::string host_name(std::string_view host) {
  std::string name = lower(host);
  const std::size_t colon = name.starts_with('[') ? name.find(':', name.find(']')) : name.find(':');
  if (colon == std::string::npos) return name;
  const std::string_view port = std::string_view(name).substr(colon + 1);
  const bool digits =
      !port.empty() && port.size() <= 5 &&
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? name.substr(0, colon) : "";
}

// As a Host header has it: IPv6 stands in brackets.
std::string as_host(std::string_view name) {
  const bool bare_v6 = name.find(':') != std::string_view::npos && !name.starts_with('[');
  return lower(bare_v6 ? '[' + std::string(name) + ']' : std::string(name));
}

ApiError admin_only(std::string message) {
  return {.status = 403,
          .code = "admin_only",
          .message = std::move(message),
          .param = "",
          .retry_after_seconds = {}};
}

std::string_view bearer(const IncomingRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view field = request.header("authorization");
  if (field.size() > kScheme.size() && lower(field.substr(0, kScheme.size())) == kScheme) {
    return field.substr(kScheme.size());
  }
  return request.header("x-api-key");
}

}  // namespace

std::string_view to_string(Permission permission) noexcept {
  switch (permission) {
    case Permission::kPublic: return "public";
    case Permission::kUse: return "use";
    case Permission::kAdmin: return "admin";
  }
  return "admin";
}

Doors::Doors(DoorOptions options, State& state) : options_(std::move(options)), state_(state) {
  for (std::string& host : options_.hosts) host = as_host(host);
}

// A page can be given a name that means our address, but not make its Host the address itself.
bool Doors::host_allowed(const IncomingRequest& request) const {
  const std::string name = host_name(request.header("host"));
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]") return true;
  if (!name.empty() && name == as_host(request.reached)) return true;
  return std::find(options_.hosts.begin(), options_.hosts.end(), name) != options_.hosts.end();
}

// No Origin: no page. A page of this very server: its origin is the Host, which is ours.
bool Doors::origin_allowed(const IncomingRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return true;
  const std::string own = (request.secure ? "https://" : "http://") + lower(request.header("host"));
  return lower(origin) == own || origin_listed(request);
}

bool Doors::origin_listed(const IncomingRequest& request) const {
  return std::find(options_.cors_origins.begin(), options_.cors_origins.end(),
                   request.header("origin")) != options_.cors_origins.end();
}

std::optional<ApiError> Doors::foreign(const IncomingRequest& request) const {
  if (!request.local && !host_allowed(request)) {
    return ApiError{.status = 403,
                    .code = "host_not_allowed",
                    .message =
                        "this server does not answer to that Host: start it with "
                        "--allow-host NAME",
                    .param = "",
                    .retry_after_seconds = {}};
  }
  if (!origin_allowed(request)) {
    return ApiError{.status = 403,
                    .code = "origin_not_allowed",
                    .message =
                        "pages of that origin may not call this server: start it with "
                        "--cors-origin ORIGIN",
                    .param = "",
                    .retry_after_seconds = {}};
  }
  return std::nullopt;
}

HttpFields Doors::cors_headers(const IncomingRequest& request) const {
  if (options_.cors_origins.empty()) return {};
  HttpFields headers{{"Vary", "Origin"}};
  if (origin_listed(request)) {
    headers.emplace_back("Access-Control-Allow-Origin", std::string(request.header("origin")));
    headers.emplace_back("Access-Control-Expose-Headers",
                         "x-request-id, request-id, retry-after, x-context-limit");
  }
  return headers;
}

// Official clients send headers of their own (x-stainless-…): what is asked for is allowed.
HttpFields Doors::preflight_headers(const IncomingRequest& request) const {
  if (!origin_listed(request)) return {};
  HttpFields headers{{"Access-Control-Allow-Methods", "GET, POST, DELETE, HEAD"}};
  if (const auto asked = request.header("access-control-request-headers"); !asked.empty()) {
    headers.emplace_back("Access-Control-Allow-Headers", std::string(asked));
  }
  return headers;
}

std::variant<Caller, ApiError> Doors::enter(const IncomingRequest& request,
                                            Permission permission) const {
  if (auto refused = foreign(request)) return *refused;
  if (permission == Permission::kPublic) return Caller{};
  const std::string_view secret = bearer(request);
  // Clients that must send a key send any where none is asked for.
  const bool needed = options_.keys_required && !request.local;
  if (!needed && !secret.starts_with(kOwnKeys)) {
    const bool here = request.local || is_loopback(request.peer);
    if (permission == Permission::kAdmin && !here) {
      return admin_only("this needs the key of an admin, or a caller on the server's own machine");
    }
    Caller caller;
    caller.admin = here;
    return caller;
  }
  const std::optional<Key> key = state_.find_key(secret, std::time(nullptr));
  if (!key) {
    return ApiError{.status = 401,
                    .code = secret.empty() ? "key_missing" : "key_not_known",
                    .message = secret.empty()
                                   ? "this server wants an API key: Authorization: Bearer KEY"
                                   : "that API key is not known here, or no longer valid",
                    .param = "",
                    .retry_after_seconds = {}};
  }
  if (permission == Permission::kAdmin && key->role != KeyRole::kAdmin) {
    return admin_only("this needs the key of an admin");
  }
  return Caller{.tenant = "key " + std::to_string(key->id),
                .admin = key->role == KeyRole::kAdmin,
                .key_id = key->id,
                .key_name = key->name,
                .limits = key->limits};
}

}  // namespace hearth
