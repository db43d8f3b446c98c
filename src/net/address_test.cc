#include "net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

#include "base/error.h"
#include "net/url.h"

namespace hearth {
namespace {

AddressScope scope(const char* text) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
    v6.sin6_family = AF_INET6;
  }
  const auto& address = reinterpret_cast<const sockaddr&>(storage);
  EXPECT_EQ(address_text(address), text);
  return scope_of(address);
}

TEST(Address, ScopesOfSpecialRanges) {
  for (const char* text : {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(scope(text), AddressScope::kLoopback) << text;
  }
  for (const char* text : {"169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1",
                           "ff02::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::"}) {
    EXPECT_EQ(scope(text), AddressScope::kLinkLocal) << text;
  }
  for (const char* text : {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
                           "fd00::1", "2002:a00:1::", "::ffff:10.0.0.1"}) {
    EXPECT_EQ(scope(text), AddressScope::kPrivate) << text;
  }
  for (const char* text : {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "11.0.0.0"}) {
    EXPECT_EQ(scope(text), AddressScope::kPublic) << text;
  }
}

TEST(Address, RedirectsLeadOutward) {
  const auto allowed = [](AddressScope first, AddressScope then) {
    return outward_only({"h", "a", then, first, true});
  };
  EXPECT_TRUE(allowed(AddressScope::kPublic, AddressScope::kPublic));
  EXPECT_TRUE(allowed(AddressScope::kPrivate, AddressScope::kPublic));
  EXPECT_FALSE(allowed(AddressScope::kPublic, AddressScope::kPrivate));
  EXPECT_FALSE(allowed(AddressScope::kPublic, AddressScope::kLoopback));
  EXPECT_FALSE(allowed(AddressScope::kPrivate, AddressScope::kLoopback));
  EXPECT_FALSE(allowed(AddressScope::kLoopback, AddressScope::kLinkLocal));
  EXPECT_TRUE(outward_only({"h", "a", AddressScope::kLoopback, AddressScope::kLoopback, false}));
}

TEST(Url, PartsAndRedirectTargets) {
  const Url url = Url::parse("https://Host.example:8443/a/b?c=d#e");
  EXPECT_EQ(url.origin(), "https://host.example:8443");
  EXPECT_EQ(url.path(), "/a/b");
  EXPECT_TRUE(url.encrypted());
  EXPECT_EQ(Url::parse("https://h/").origin(), "https://h:443");
  EXPECT_EQ(url.resolve("../x").text(), "https://Host.example:8443/x");
  EXPECT_EQ(url.resolve("//other/x").origin(), "https://other:443");
  EXPECT_EQ(url.resolve("http://other/x").origin(), "http://other:80");
  EXPECT_TRUE(Url::parse("http://[::1]:80/").loopback());
  EXPECT_TRUE(Url::parse("http://127.1.2.3/").loopback());
  EXPECT_FALSE(Url::parse("http://127.evil.example/").loopback());
  EXPECT_FALSE(Url::parse("http://localhost.evil.example/").loopback());
  EXPECT_THROW(url.resolve("file:///etc/passwd"), Error);
  EXPECT_THROW(url.resolve("javascript:x"), Error);
  EXPECT_THROW(url.resolve("https://u@h/"), Error);
  EXPECT_THROW(url.resolve("https://h\\@e/"), Error);
  EXPECT_THROW(Url::parse("https://h/" + std::string(9000, 'a')), Error);
}

TEST(Url, ARefusalDoesNotRepeatAPassword) {
  for (const char* text : {"https://user:secret@host/x", "https://user:secret@host:70000/",
                           "ftp://user:secret@host", "user:secret@host"}) {
    try {
      Url::parse(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.message().find("secret"), std::string::npos) << error.message();
      EXPECT_NE(error.message().find("host"), std::string::npos) << error.message();
    }
  }
}

TEST(IsLoopback, OnlyWhatNobodyElseCanReach) {
  for (const char* address : {"127.0.0.1", "127.255.255.254", "::1"}) {
    EXPECT_TRUE(is_loopback(address)) << address;
  }
  for (const char* address : {"0.0.0.0", "::", "192.168.1.2", "128.0.0.1", "::ffff:127.0.0.1",
                              "localhost", "", "127.0.0.1 ", "127.1", "fe80::1"}) {
    EXPECT_FALSE(is_loopback(address)) << address;
  }
}

}  // namespace
}  // namespace hearth
