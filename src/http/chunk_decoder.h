// ChunkDecoder: the chunked transfer coding (RFC 9112 §7.1), read a byte at a time, so that no
// split of the input changes what comes out. Strict: CR LF only, at least one digit, no size past
// the limit. Extensions and trailers are read over, never kept. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

class ChunkDecoder {
 public:
  enum class Progress { kMore, kDone, kMalformed, kTooLarge };

  // `line_bytes_max`: of a chunk's header line, of what all of them have besides their sizes
  // (extensions, leading zeros), and of all trailers together.
  ChunkDecoder(std::uint64_t body_bytes_max, std::size_t line_bytes_max)
      : body_bytes_left_(body_bytes_max), line_bytes_max_(line_bytes_max) {}

  // Takes `bytes` up to the end of the body (moving its begin) and appends the data to `body`.
  // After anything but kMore it must not be called again.
  Progress feed(std::string_view& bytes, std::string& body);

 private:
  enum class State {
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailer,
    kTrailerLf,
    kEndLf,
  };
  Progress step(char c);
  Progress step_size(char c);
  Progress begin_chunk();
  Progress expect(char c, char wanted, State next);

  State state_ = State::kSize;
  std::uint64_t chunk_bytes_ = 0;  // of the size that is being read, or that are still to come
  bool has_digit_ = false;
  std::uint64_t body_bytes_left_;
  std::size_t line_bytes_ = 0, idle_bytes_ = 0;
  const std::size_t line_bytes_max_;
};

}  // namespace hearth
