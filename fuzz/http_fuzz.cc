// libFuzzer: the bytes of one connection, as the server reads them. The first byte of the input is
// the size of the pieces they come in. Whatever comes is requests, then at most one refusal; the
// split changes neither, and every request keeps what IncomingRequest promises.
// covers: src/http/request_reader.cc src/http/request_target.cc src/http/chunk_decoder.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "http/request_reader.h"

namespace hearth {
namespace {

using Progress = RequestReader::Progress;
constexpr std::size_t kHeaderBytesMax = 2048;
constexpr std::size_t kBodyBytesMax = 4096;

struct Outcome {
  std::vector<IncomingRequest> requests;
  int refused = 0;
  std::string why;
};

void check_request(const IncomingRequest& request, std::size_t bytes) {
  CHECK(!request.method.empty());
  CHECK(request.path.starts_with('/'));
  CHECK(valid_utf8_prefix(request.path) == request.path.size());
  CHECK((request.path + '/').find("/../") == std::string::npos);
  CHECK((request.path + '/').find("/./") == std::string::npos);
  CHECK(request.body.size() <= std::min(kBodyBytesMax, bytes));
  for (const auto& [name, value] : request.headers) {
    CHECK(!name.empty() && value.find_first_of("\r\n") == std::string::npos);
    CHECK(name.find_first_of(" \t:ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos);
  }
}

Outcome read_connection(std::string_view bytes, std::size_t piece_bytes) {
  Outcome out;
  auto current = std::make_unique<RequestReader>(kHeaderBytesMax);
  const std::size_t all = bytes.size();
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, piece_bytes);
    bytes.remove_prefix(piece.size());
    while (!piece.empty()) {
      Progress progress = current->feed(piece);
      if (progress == Progress::kHead && current->has_body()) {
        progress = current->begin_body(kBodyBytesMax);
      }
      if (progress == Progress::kRefused) {
        CHECK(current->feed(piece) == Progress::kRefused);
        out.refused = current->refusal().status;
        out.why = current->refusal().why;
        return out;
      }
      if (progress == Progress::kMore) continue;
      check_request(current->request(), all);
      out.requests.push_back(std::move(current->request()));
      current = std::make_unique<RequestReader>(kHeaderBytesMax);
    }
  }
  return out;
}

void check_equal(const Outcome& a, const Outcome& b) {
  CHECK(a.refused == b.refused && a.why == b.why);
  CHECK(a.requests.size() == b.requests.size());
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    const IncomingRequest &one = a.requests[i], &other = b.requests[i];
    CHECK(one.method == other.method && one.path == other.path && one.query == other.query);
    CHECK(one.headers == other.headers && one.body == other.body);
  }
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece_bytes = data[0] + std::size_t{1};
  hearth::check_equal(hearth::read_connection(bytes, bytes.size()),
                      hearth::read_connection(bytes, piece_bytes));
  return 0;
}
