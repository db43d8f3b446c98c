// Sets a variable for as long as it lives.
#pragma once

namespace hearth::jinja {

template <typename T>
class Scoped {
 public:
  Scoped(T& variable, T value) : variable_(variable), saved_(variable) { variable = value; }
  ~Scoped() { variable_ = saved_; }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;

 private:
  T& variable_;
  T saved_;
};

}  // namespace hearth::jinja
