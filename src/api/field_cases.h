// Cases made from a table of fields, for tests: of every field its least and greatest value, what
// lies beyond, every other type, null, and nothing at all.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "api/fields.h"

namespace hearth {

struct FieldTable {
  std::span<const Field> fields;
  std::string valid;  // the JSON of an object that fits the table: what is required, and no more
  // Reads a request in which such an object stands. It must refuse what the table refuses, and take
  // the numbers and booleans that the table takes (a text may be refused for what it says).
  std::function<void(const std::string& object)> parse;
};

// Fails the running test for each case that comes out wrong. Texts and lists above 64 Ki are left
// out: the limits of the body lie below.
void expect_bounds(const FieldTable& table);

}  // namespace hearth
