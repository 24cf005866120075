/* The version that every program prints and the API answers; the one place where it stands. */
#ifndef SK_COMMON_VERSION_H
#define SK_COMMON_VERSION_H

#define SK_VERSION "0.1.0"

#endif
