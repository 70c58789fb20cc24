// Loaded into a rank's process before all else (LD_PRELOAD). TensorFlow's server listens on every network device of a
// machine, and whoever reaches it can run any graph. Here the port GUIE_SERVE_PORT is bound to the address
// GUIE_SERVE_ADDRESS (IPv4 or IPv6, as a number) alone.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef int (*bind_function)(int, const struct sockaddr *, socklen_t);

int bind(int socket, const struct sockaddr *address, socklen_t length) {
  bind_function bind_anywhere = (bind_function)dlsym(RTLD_NEXT, "bind");
  const char *port = getenv("GUIE_SERVE_PORT");
  const char *host = getenv("GUIE_SERVE_ADDRESS");
  if (!port || !host || !address) return bind_anywhere(socket, address, length);

  if (address->sa_family == AF_INET) {
    struct sockaddr_in there = *(const struct sockaddr_in *)address;
    if (ntohs(there.sin_port) == atoi(port) && there.sin_addr.s_addr == INADDR_ANY)
      inet_pton(AF_INET, host, &there.sin_addr);
    return bind_anywhere(socket, (struct sockaddr *)&there, sizeof there);
  }
  if (address->sa_family == AF_INET6) {
    struct sockaddr_in6 there = *(const struct sockaddr_in6 *)address;
    if (ntohs(there.sin6_port) == atoi(port) && IN6_IS_ADDR_UNSPECIFIED(&there.sin6_addr)) {
      char mapped[INET6_ADDRSTRLEN + 8] = "";
      if (!strchr(host, ':')) strcpy(mapped, "::ffff:");
      strncat(mapped, host, INET6_ADDRSTRLEN);
      inet_pton(AF_INET6, mapped, &there.sin6_addr);
    }
    return bind_anywhere(socket, (struct sockaddr *)&there, sizeof there);
  }
  return bind_anywhere(socket, address, length);
}
