/* sanitized.h - is this a build with AddressSanitizer? Its run-time needs more memory and more
 * system calls than a child's sandbox otherwise allows. */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif
