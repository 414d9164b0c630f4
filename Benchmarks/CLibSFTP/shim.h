// libssh2 with its own SFTP calls, which SaveFerry itself does not use.
#include <libssh2.h>
#include <libssh2_sftp.h>
