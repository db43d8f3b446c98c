#include "http/exchange.h"

namespace hearth {

void Exchange::wake_once() {
  if (woken_ || !wake_) return;
  woken_ = true;
  wake_();
}

void Exchange::reply(HttpReply reply) {
  const std::lock_guard lock(mutex_);
  if (begun_ || !wake_) return;
  begun_ = true;
  pending_.head = Head{reply.status, std::move(reply.headers), false};
  pending_.bytes = std::move(reply.body);
  pending_.ended = true;
  wake_once();
}

void Exchange::begin(int status, HttpFields headers) {
  const std::lock_guard lock(mutex_);
  if (begun_ || !wake_) return;
  begun_ = true;
  pending_.head = Head{status, std::move(headers), true};
  wake_once();
}

HttpExchange::Write Exchange::write(std::string piece) {
  const std::lock_guard lock(mutex_);
  if (!wake_ && gone_.cancelled()) return Write::kGone;
  if (!wake_ || !begun_ || pending_.ended) return Write::kOk;
  pending_.bytes += piece;
  wake_once();
  return pending_.bytes.size() + in_flight_bytes_ >= stream_bytes_max_ ? Write::kFull : Write::kOk;
}

void Exchange::end() {
  const std::lock_guard lock(mutex_);
  if (!begun_ || pending_.ended) return;
  pending_.ended = true;
  wake_once();
}

void Exchange::abandon() {
  const std::lock_guard lock(mutex_);
  if (pending_.ended) return;
  pending_.abandoned = true;
  wake_once();
}

std::size_t Exchange::unsent_bytes() const noexcept {
  const std::lock_guard lock(mutex_);
  return pending_.bytes.size() + in_flight_bytes_;
}

Exchange::Taken Exchange::take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  in_flight_bytes_ = pending_.bytes.size();
  Taken taken = std::exchange(pending_, {});
  pending_.ended = taken.ended;
  return taken;
}

void Exchange::set_in_flight(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  in_flight_bytes_ = bytes;
}

bool Exchange::settle() {
  const std::lock_guard lock(mutex_);
  in_flight_bytes_ = 0;
  return woken_;
}

void Exchange::close(Ending ending) {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
  pending_.bytes.clear();
  in_flight_bytes_ = 0;
  if (ending == Ending::kGone) gone_.cancel();
}

}  // namespace hearth
