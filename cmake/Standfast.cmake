# The few build rules that every folder shares.

add_compile_options(
    -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes
    -Wpointer-arith -Wvla -Werror -fno-omit-frame-pointer -g)
add_compile_definitions(_GNU_SOURCE)
include_directories(${CMAKE_SOURCE_DIR})
# Assertions stay on in every build: a dead site fails over, a wrong one corrupts.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")

if(STANDFAST_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
endif()
if(STANDFAST_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Every program of ours lands in one folder, so that a path names an installation.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# standfast_whole(NAME) - in release builds the library NAME carries, beside its code, what optimisation across files needs
# (LTO); the program NAME is linked with that.  Only programs whose speed counts are: it takes its time.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT STANDFAST_SANITIZE)
    set(whole ON)
    add_link_options($<$<CONFIG:Release>:-fno-lto>)
endif()
function(standfast_whole name)
    if(NOT whole)
        return()
    endif()
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-flto=auto -ffat-lto-objects>)
    set_target_properties(${name} PROPERTIES LINK_OPTIONS $<$<CONFIG:Release>:-flto=auto>) # instead of -fno-lto
endfunction()

# standfast_core(NAME SOURCES...) - a pure core: a static library that may include only common/'s
# value types.  tests/pure checks its undefined symbols against an allow-list.
function(standfast_core name)
    add_library(${name} STATIC ${ARGN})
    target_link_libraries(${name} PUBLIC sf_pure)
    standfast_whole(${name})
    set_property(GLOBAL APPEND PROPERTY STANDFAST_CORES ${name})
endfunction()

# standfast_test(NAME SOURCES file... LIBS lib...) - a Criterion test program, run by ctest with the label "unit".
# A sanitizer report or a leak fails the test, which Criterion alone would not see.
function(standfast_test name)
    cmake_parse_arguments(T "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${T_SOURCES})
    target_link_libraries(${name} PRIVATE ${T_LIBS} PkgConfig::CRITERION)
    target_compile_options(${name} PRIVATE -Wno-conversion -Wno-missing-prototypes -Wno-shadow)
    add_test(NAME ${name} COMMAND ${name} --tap=${CMAKE_BINARY_DIR}/tap/${name}.tap --quiet -j1)
    set_tests_properties(${name} PROPERTIES
        LABELS unit TIMEOUT 120
        FAIL_REGULAR_EXPRESSION "ERROR: (Address|Leak)Sanitizer;runtime error:")
endfunction()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/tap)

# standfast_fuzz(NAME SOURCES file... LIBS lib... CORPUS dir) - a libFuzzer target, built in the fuzz preset only.
function(standfast_fuzz name)
    cmake_parse_arguments(F "" "CORPUS" "SOURCES;LIBS" ${ARGN})
    if(STANDFAST_FUZZ)
        add_executable(${name} ${F_SOURCES})
        target_link_libraries(${name} PRIVATE ${F_LIBS})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        file(APPEND ${CMAKE_BINARY_DIR}/fuzz-targets.txt "${name} ${F_CORPUS}\n")
    endif()
endfunction()
if(STANDFAST_FUZZ)
    file(WRITE ${CMAKE_BINARY_DIR}/fuzz-targets.txt "")
endif()
