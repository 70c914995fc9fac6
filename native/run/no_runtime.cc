// What the library of C++ would bring, which is more than this program may weigh. A symbol that another
// compiler asks for besides is taken from that library, and the program is larger.
#include <stddef.h>
#include <stdlib.h>

#include <new>
#include <string>

// libc++ is as small as it is used.
#ifdef __GLIBCXX__

template class std::basic_string<char>;

void* operator new(size_t size) {
  void* made = malloc(size != 0 ? size : 1);
  if (made == nullptr) abort();
  return made;
}

void operator delete(void* memory) noexcept {
  free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  free(memory);
}

namespace std {

// Out of memory, or a mistake of this program: there is nothing to go on with.
void __throw_length_error(const char*) {
  abort();
}

void __throw_logic_error(const char*) {
  abort();
}

void __throw_out_of_range_fmt(const char*, ...) {
  abort();
}

void __throw_bad_alloc() {
  abort();
}

void __throw_bad_array_new_length() {
  abort();
}

}  // namespace std

#endif
