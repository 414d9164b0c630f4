// What Swift can't see of libssh2's header by itself: function-like macros, and callbacks passed as void pointers.
#include <libssh2.h>

typedef ssize_t (*saveferry_send)(libssh2_socket_t, const void *, size_t, int, void **);
typedef ssize_t (*saveferry_recv)(libssh2_socket_t, void *, size_t, int, void **);

// Makes a session read and write through callbacks instead of its socket.
static inline void saveferry_set_transport(LIBSSH2_SESSION *session, saveferry_send send, saveferry_recv recv) {
#if LIBSSH2_VERSION_NUM >= 0x010b01
    libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_SEND, (libssh2_cb_generic *)send);
    libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_RECV, (libssh2_cb_generic *)recv);
#else
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, (void *)send);
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, (void *)recv);
#endif
}

typedef void (*saveferry_disconnect)(LIBSSH2_SESSION *, int, const char *, int, const char *, int, void **);

// Sets who is told the server's words when it ends the connection.
static inline void saveferry_set_disconnect(LIBSSH2_SESSION *session, saveferry_disconnect disconnect) {
#if LIBSSH2_VERSION_NUM >= 0x010b01
    libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_DISCONNECT, (libssh2_cb_generic *)disconnect);
#else
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_DISCONNECT, (void *)disconnect);
#endif
}

static const int saveferry_libssh2_version = LIBSSH2_VERSION_NUM;
