// Router: the routes. None can be made without the permission it needs. Paths are matched segment
// by segment; "{name}" takes one, "{name*}" at the end takes the rest. Immutable once built.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/call.h"
#include "api/error.h"
#include "api/fields.h"
#include "http/http.h"
#include "server/doors.h"
#include "server/request_record.h"

namespace hearth {

using PathParams = std::map<std::string, std::string>;

// A request inside the doors, on a thread that may block. What a handler throws becomes the reply,
// as long as none has begun.
struct Call {
  std::shared_ptr<HttpExchange> exchange;
  Caller caller;
  std::string id;     // of the request
  PathParams params;  // of the path
  Dialect dialect = Dialect::kOpenAi;
  std::shared_ptr<RequestRecord> record;
};

struct Route {
  std::string method;
  std::string path;
  Permission permission;
  Dialect dialect;  // of its errors
  std::string summary;
  std::function<void(const Call&)> handle;
  std::span<const Field> fields = {};  // of the body
  std::size_t body_bytes = 0;          // at most; 0: as all
  // Of a body that is taken piece by piece: as HttpHandlers::on_head, for who may call the route.
  std::function<std::variant<BodyPlan, ApiError>(const PathParams&)> plan_body = {};
};

class Router {
 public:
  void add(Route route) { routes_.push_back(std::move(route)); }
  const std::vector<Route>& routes() const noexcept { return routes_; }

  struct Match {
    const Route* route = nullptr;  // none: no such path, or (known_path) not with that method
    PathParams params;
    bool known_path = false;
  };
  // HEAD is answered by the route of GET.
  Match match(std::string_view method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace hearth
