#include "http/chunk_decoder.h"

#include <algorithm>

#include "http/hex.h"

namespace hearth {
namespace {

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7F;
}

}  // namespace

ChunkDecoder::Progress ChunkDecoder::feed(std::string_view& bytes, std::string& body) {
  while (!bytes.empty()) {
    if (state_ == State::kData) {
      const std::size_t taken = std::min<std::uint64_t>(bytes.size(), chunk_bytes_);
      body.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      chunk_bytes_ -= taken;
      if (chunk_bytes_ == 0) state_ = State::kDataCr;
      continue;
    }
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (const Progress progress = step(c); progress != Progress::kMore) return progress;
  }
  return Progress::kMore;
}

ChunkDecoder::Progress ChunkDecoder::step(char c) {
  if (++line_bytes_ > line_bytes_max_) return Progress::kMalformed;
  switch (state_) {
    case State::kSize: return step_size(c);
    case State::kExtension:
      if (c == '\r') state_ = State::kSizeLf;
      return c != '\r' && is_control(c) ? Progress::kMalformed : Progress::kMore;
    case State::kSizeLf: return c == '\n' ? begin_chunk() : Progress::kMalformed;
    case State::kData: break;  // feed() takes it
    case State::kDataCr: return expect(c, '\r', State::kDataLf);
    case State::kDataLf: line_bytes_ = 0; return expect(c, '\n', State::kSize);
    case State::kTrailerStart:
    case State::kTrailer:
      if (c != '\r') {
        state_ = State::kTrailer;
        return is_control(c) ? Progress::kMalformed : Progress::kMore;
      }
      state_ = state_ == State::kTrailerStart ? State::kEndLf : State::kTrailerLf;
      return Progress::kMore;
    case State::kTrailerLf: return expect(c, '\n', State::kTrailerStart);
    case State::kEndLf: return c == '\n' ? Progress::kDone : Progress::kMalformed;
  }
  return Progress::kMalformed;
}

ChunkDecoder::Progress ChunkDecoder::step_size(char c) {
  if (const int digit = hex_digit(c); digit >= 0) {
    has_digit_ = true;
    if (chunk_bytes_ > UINT64_MAX >> 4) return Progress::kTooLarge;
    chunk_bytes_ = chunk_bytes_ << 4 | static_cast<unsigned>(digit);
    return Progress::kMore;
  }
  if (!has_digit_) return Progress::kMalformed;
  if (c == '\r') {
    state_ = State::kSizeLf;
  } else if (c == ';' || c == ' ' || c == '\t') {
    state_ = State::kExtension;
  } else {
    return Progress::kMalformed;
  }
  return Progress::kMore;
}

ChunkDecoder::Progress ChunkDecoder::begin_chunk() {
  constexpr std::size_t kSizeLineBytes = 16 + 2;  // 64 bits in hexadecimal, CR LF
  idle_bytes_ += std::max(line_bytes_, kSizeLineBytes) - kSizeLineBytes;
  if (idle_bytes_ > line_bytes_max_) return Progress::kMalformed;
  if (chunk_bytes_ > body_bytes_left_) return Progress::kTooLarge;
  body_bytes_left_ -= chunk_bytes_;
  line_bytes_ = 0;
  has_digit_ = false;
  state_ = chunk_bytes_ == 0 ? State::kTrailerStart : State::kData;
  return Progress::kMore;
}

ChunkDecoder::Progress ChunkDecoder::expect(char c, char wanted, State next) {
  if (c != wanted) return Progress::kMalformed;
  state_ = next;
  return Progress::kMore;
}

}  // namespace hearth
