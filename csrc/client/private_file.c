#include "private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool sse_create_private_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}
