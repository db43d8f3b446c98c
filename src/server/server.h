// Server: the routes of all dialects on one HttpServer: who may come in, who answers, what is
// counted. Owns the threads that block; host, library and state outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/host.h"
#include "http/server.h"
#include "server/doors.h"
#include "state/state.h"
#include "store/library.h"

namespace hearth {

struct ServerOptions {
  HttpServerOptions http;
  DoorOptions doors;
  std::string default_model;
  std::size_t waiting_max = 256;
  std::size_t job_threads = 64;
  std::string version;
};

class Server {
 public:
  Server(ServerOptions options, Host& host, Library& library, State& state);
  ~Server();

  void start();
  void set_ready();  // /ready says so from here on, until stop()
  // As HttpServer::stop.
  std::size_t stop(double deadline_seconds, const CancelToken* hurry);
  std::vector<TcpEndpoint> endpoints() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth
