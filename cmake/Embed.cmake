# standfast_embed(TARGET FILE...) - each file becomes bytes in TARGET: web/app.js gives `extern const unsigned char
# web_app_js[]; extern const size_t web_app_js_size;`.  Binaries carry their pages with them.
function(standfast_embed target)
    foreach(file ${ARGN})
        string(MAKE_C_IDENTIFIER ${file} name)
        set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
        add_custom_command(
            OUTPUT ${out}
            COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DOUT=${out} -DNAME=${name}
                    -P ${CMAKE_SOURCE_DIR}/cmake/EmbedFile.cmake
            DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${CMAKE_SOURCE_DIR}/cmake/EmbedFile.cmake VERBATIM)
        target_sources(${target} PRIVATE ${out})
    endforeach()
endfunction()
