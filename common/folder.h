/* folder - make a folder with the folders above it. */
#ifndef COMMON_FOLDER_H
#define COMMON_FOLDER_H

/* folder_make - PATH and its missing parents, each with mode 0700; nothing when it is there.
 * Returns: 0 or a negative errno. */
int folder_make(const char *path);

#endif
