#include "server/doors.h"

#include <algorithm>
#include <ctime>

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

bool Doors::host_allowed(std::string_view host) const {
  const std::string name = host_name(host);
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]") return true;
  return std::any_of(options_.hosts.begin(), options_.hosts.end(),
                     [&](const std::string& allowed) { return lower(allowed) == name; });
}

// No Origin: no page. A page of this very server: its origin is the Host, which is ours.
bool Doors::origin_allowed(const IncomingRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return true;
  const std::string own = (request.secure ? "https://" : "http://") + lower(request.header("host"));
  return lower(origin) == own ||
         std::find(options_.cors_origins.begin(), options_.cors_origins.end(), origin) !=
             options_.cors_origins.end();
}

std::optional<ApiError> Doors::foreign(const IncomingRequest& request) const {
  if (!request.local && !host_allowed(request.header("host"))) {
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
  const std::string_view origin = request.header("origin");
  if (std::find(options_.cors_origins.begin(), options_.cors_origins.end(), origin) ==
      options_.cors_origins.end()) {
    return {};
  }
  return {{"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Allow-Methods", "GET, POST, DELETE, HEAD"},
          {"Access-Control-Allow-Headers", "authorization, content-type, x-api-key"},
          {"Vary", "Origin"}};
}

std::variant<Caller, ApiError> Doors::enter(const IncomingRequest& request,
                                            Permission permission) const {
  if (auto refused = foreign(request)) return *refused;
  if (permission == Permission::kPublic) return Caller{};
  const std::string_view secret = bearer(request);
  // Clients that must send a key send any where none is asked for.
  const bool needed = options_.keys_required && !request.local;
  if (!needed && !secret.starts_with(kOwnKeys)) return Caller{};
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
    return ApiError{.status = 403,
                    .code = "admin_only",
                    .message = "this needs the key of an admin",
                    .param = "",
                    .retry_after_seconds = {}};
  }
  return Caller{.tenant = "key " + std::to_string(key->id),
                .admin = key->role == KeyRole::kAdmin,
                .key_id = key->id,
                .key_name = key->name,
                .limits = key->limits};
}

}  // namespace hearth
