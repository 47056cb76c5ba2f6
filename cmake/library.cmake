# The libraries for others. ringtorch::ringtorch, and ringtorch::static where both kinds are built: common, the kernels and the engine
# in one file; no ZeroMQ, no msgpack, no MPI. ringtorch::worker, and ringtorch::worker_static: all of that and what makes a program a
# worker, with these three.
#
# BUILD_SHARED_LIBS chooses: ON the shared one, OFF the static one. Undefined, both are built for an installation; another project
# that takes RingTorch in, and a build that installs nothing, get the static one.
include(GNUInstallDirs)

# While the major version is 0, each minor one may change structs, and so changes the soname (docs/INSTALL.md).
set(rt_abi ${PROJECT_VERSION_MAJOR})
if(rt_abi EQUAL 0)
    set(rt_abi 0.${PROJECT_VERSION_MINOR})
endif()

set(rt_kinds STATIC)
if(BUILD_SHARED_LIBS)
    set(rt_kinds SHARED)
elseif(RT_INSTALL AND NOT DEFINED BUILD_SHARED_LIBS)
    set(rt_kinds SHARED STATIC)
endif()

# What goes into a shared library is compiled apart from what goes into our programs, which need three times the instructions
# for a thread's variables if they must do it as a shared library does. Without programs all is compiled that way, and another
# project can put the static library into a shared one of its own.
set(rt_apart OFF)
if(RT_INSTALL OR BUILD_SHARED_LIBS OR NOT PROJECT_IS_TOP_LEVEL)
    set(rt_apart ${RT_BUILD_PROGRAMS})
    if(NOT rt_apart)
        set(CMAKE_POSITION_INDEPENDENT_CODE ON)
        add_compile_options(-fno-semantic-interposition) # no function of ours is replaced from outside
    endif()
endif()

# rt_library_part(TARGET [LIST]): the objects of that static library of ours are part of the library, or with LIST `worker` of the one for
# workers alone. Called where the target is defined, since properties of its sources hold in their folder only.
function(rt_library_part part)
    set(list rt_${ARGV1}library)
    get_target_property(libraries ${part} LINK_LIBRARIES)
    set_property(GLOBAL APPEND PROPERTY ${list}_needs ${libraries})
    set(objects ${part})
    if(rt_apart)
        set(objects ${part}_pic)
        get_target_property(sources ${part} SOURCES)
        list(FILTER sources INCLUDE REGEX "[.]c$") # not what it gathers, nor objects, which are compiled once
        add_library(${objects} OBJECT ${sources})
        target_compile_definitions(${objects} PRIVATE $<TARGET_PROPERTY:${part},COMPILE_DEFINITIONS>)
        target_compile_options(${objects} PRIVATE -fno-semantic-interposition $<TARGET_PROPERTY:${part},COMPILE_OPTIONS>)
        target_link_libraries(${objects} PRIVATE ${libraries})
        set_target_properties(${objects} PROPERTIES POSITION_INDEPENDENT_CODE ON)
        add_dependencies(${objects} ${part}) # what the build gathers for one is there for the other
    endif()
    set_property(GLOBAL APPEND PROPERTY ${list}_objects $<TARGET_OBJECTS:${objects}>)
endfunction()

# rt_add_library(TARGET KIND OUTPUT [PARTS...]): of the parts of the library, and of those for workers if `worker` is among PARTS.
function(rt_add_library target kind output)
    get_property(objects GLOBAL PROPERTY rt_library_objects)
    get_property(needs GLOBAL PROPERTY rt_library_needs)
    foreach(list IN LISTS ARGN)
        get_property(more GLOBAL PROPERTY rt_${list}library_objects)
        list(APPEND objects ${more})
        get_property(more GLOBAL PROPERTY rt_${list}library_needs)
        list(APPEND needs ${more})
    endforeach()
    add_library(${target} ${kind} ${objects})
    set(system)
    if(NOT PROJECT_IS_TOP_LEVEL) # our headers bring no warnings to others, whatever warnings those ask for
        set(system SYSTEM)
    endif()
    target_include_directories(${target} ${system} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    # While we build, OpenMP by its path: clang's lies where no linker looks.
    foreach(need IN LISTS needs)
        string(REGEX REPLACE "^-l" "" name ${need})
        if(name IN_LIST OpenMP_C_LIB_NAMES)
            target_link_libraries(${target} PRIVATE
                $<BUILD_INTERFACE:${OpenMP_${name}_LIBRARY}> $<INSTALL_INTERFACE:${need}>)
        else()
            target_link_libraries(${target} PRIVATE ${need})
        endif()
    endforeach()
    if(kind STREQUAL "SHARED" AND NOT RT_SANITIZE) # whose functions are the program's
        target_link_options(${target} PRIVATE LINKER:-z,defs)
    endif()
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output} LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION} SOVERSION ${rt_abi})
endfunction()

# Flags, not targets, for what the compiler brings: users of the static library need not find it.
function(rt_settle_needs list)
    get_property(needs GLOBAL PROPERTY ${list})
    list(FILTER needs EXCLUDE REGEX "^rt_")
    list(TRANSFORM needs REPLACE "^OpenMP::OpenMP_C$" "${OpenMP_C_LIB_NAMES}")
    list(TRANSFORM needs REPLACE "^Threads::Threads$" pthread)
    list(TRANSFORM needs PREPEND -l REGEX "^[a-z]+$")
    list(REMOVE_DUPLICATES needs)
    set_property(GLOBAL PROPERTY ${list} ${needs})
endfunction()

# rt_add_kinds(TARGET NAME ALIAS STATIC_ALIAS [PARTS...]): two kinds are TARGET, the shared one, and TARGET_static.
function(rt_add_kinds target name alias static)
    list(GET rt_kinds 0 kind)
    rt_add_library(${target} ${kind} ${name} ${ARGN})
    add_library(ringtorch::${alias} ALIAS ${target})
    if("${rt_kinds}" STREQUAL "STATIC")
        add_library(ringtorch::${static} ALIAS ${target})
    elseif("STATIC" IN_LIST rt_kinds)
        rt_add_library(${target}_static STATIC ${name} ${ARGN})
        add_library(ringtorch::${static} ALIAS ${target}_static)
    endif()
endfunction()

# Called when all parts of the library are there.
function(rt_add_libraries)
    rt_settle_needs(rt_library_needs)
    rt_add_kinds(ringtorch ringtorch ringtorch static)
endfunction()

# Called when those for workers are there, too.
function(rt_add_worker_libraries)
    rt_settle_needs(rt_workerlibrary_needs)
    rt_add_kinds(ringtorch_worker ringtorch-worker worker worker_static worker)
endfunction()
